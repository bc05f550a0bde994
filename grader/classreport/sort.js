"use strict";
for (const table of document.querySelectorAll("table[data-sort]")) {
  const heads = [...table.tHead.rows[0].cells];
  const words = new Intl.Collator(undefined, { numeric: true });
  heads.forEach((head, column) => {
    head.firstElementChild.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const read = (row) => row.cells[column].textContent;
      const order = (a, b) => {
        const [x, y] = [parseFloat(a), parseFloat(b)];
        if (isNaN(x) && isNaN(y)) return words.compare(a, b);
        if (isNaN(x) !== isNaN(y)) return isNaN(x) ? -1 : 1;
        return x - y;
      };
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (down ? -1 : 1) * order(read(a), read(b)));
      table.tBodies[0].append(...rows);
    });
  });
}
