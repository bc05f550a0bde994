# `make help` lists what there is. Each command sets up .venv when something is missing.
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

PYTHON ?= python3
TORCH ?= auto
PORT ?= 8888
BIN := .venv/bin
# nbgrader starts other programs by their bare names (alembic).
export PATH := $(CURDIR)/$(BIN):$(PATH)

##@ See it
.PHONY: demo
demo: env ## grade a sample class of 25 in build/demo and print who did what wrong
	@$(BIN)/python -m tests.demo

.PHONY: lab
lab: port env ## open the lessons in JupyterLab, nbgrader's pages included (PORT=8888)
	@echo "opening the lessons on port $(PORT); Ctrl-C ends it"
	@$(BIN)/jupyter lab --ServerApp.port=$(PORT) --ServerApp.port_retries=0 \
	  --LabApp.default_url=/lab/tree/notebooks \
	  $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_FLAGS)

##@ Teach
.PHONY: release
release: env ## make notebooks/ (student copies) from solutions/ (masters)
	@$(BIN)/python -m grader.release generate

.PHONY: grade
grade: assignment env ## grade what lies in submitted/ (A=05-one-neuron)
	@$(BIN)/grader autograde $(A) || test $$? = 1 # 1: all graded but what a person must see, as told

.PHONY: feedback
feedback: assignment env ## write feedback/ for the students (A=05-one-neuron)
	@$(BIN)/nbgrader generate_feedback $(A) --force
	@echo "wrote feedback/*/$(A)/*.html"

.PHONY: publish
publish: release ## make build/student: what a class gets, ready to be pushed
	@$(BIN)/python -m grader.publish tree

.PHONY: handout
handout: release ## make build/handout: the same as zips, one for each lesson
	@$(BIN)/python -m grader.publish handout

.PHONY: paper
paper: release ## make build/paper: lessons as pages that print (A=05-one-neuron, or all)
	@$(BIN)/python -m grader.publish paper $(A)

.PHONY: lesson
lesson: env ## begin a lesson of your own with one exercise that works (A=my-lesson)
	@$(BIN)/python -m grader.publish lesson $(A)

.PHONY: badges
badges: env ## point the badges at your fork (REPO=owner/name BRANCH=main)
	@$(BIN)/python -m grader.release badges $(if $(REPO),--repo $(REPO)) $(if $(BRANCH),--branch $(BRANCH))

##@ Work on it
# The tensors of the tests are small: a second thread costs more than it gives.
.PHONY: test
test: env ## run all tests: sandboxes, whole lessons, a real browser where there is one
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: quick
quick: env ## run the tests that start no other process
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not process and not notebook and not browser and not cuda"

.PHONY: test-cuda
test-cuda: env ## run what needs a GPU, and say what it saw (none: say what is skipped)
	@$(BIN)/python -m tests.cuda

.PHONY: lint
lint: env ## check style, types and the masters' rules
	@$(BIN)/ruff check && $(BIN)/ruff format --check -q && $(BIN)/mypy
	@$(BIN)/python -m grader.release lint

.PHONY: tidy
tidy: env ## clear outputs from the masters and hold them to their rules
	@$(BIN)/python -m grader.release tidy && $(BIN)/python -m grader.release lint

.PHONY: bank
bank: env ## count the planted mistakes that are named right, wrong, or not
	@$(BIN)/python -m tests.diagnose.bank

.PHONY: bench
bench: env ## measure what checking and grading cost
	@for program in tests/bench/bench_*.py; do \
	  echo "== $$program" && $(BIN)/python $$program || exit 1; done

.PHONY: fidelity
fidelity: env ## grade like stock nbgrader would, and compare (minutes)
	@$(BIN)/python tests/bench/fidelity.py

.PHONY: attack
attack: env ## grade strangers' worst submissions, and say what surprised (minutes)
	@$(BIN)/python -m tests.attack

.PHONY: soak
soak: env ## grade 1,000 submissions, 5 % of them hostile, and kill the run three times
	@$(BIN)/python tests/bench/soak.py

.PHONY: fuzz
fuzz: env ## bend 10,000 notebooks and take them in
	@GRADER_MUTATIONS=10000 $(BIN)/python -m pytest tests/grading/test_intake.py -k mutated

.PHONY: colab
colab: env ## run all lessons with the versions that Colab has (minutes)
	@OMP_NUM_THREADS=1 GRADER_COLAB=all $(BIN)/python -m pytest tests/colab

.PHONY: clean
clean: ## remove what the demo, the tests and the tools made; .venv stays
	@rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@echo "removed build/, dist/ and the caches"

.PHONY: help
help: ## list these commands
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: env
env:
	@$(PYTHON) -c '' 2>/dev/null || { echo "no '$(PYTHON)' here: install Python 3.11 or newer, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "'$(PYTHON)' is older than 3.11: install a newer Python, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) .ci/make_env.py --torch $(TORCH)

.PHONY: port
port:
	@$(PYTHON) .ci/check_port.py $(PORT)

.PHONY: assignment
assignment:
	@test -n "$(A)" || { echo "say which assignment: A=... (one of: $(notdir $(wildcard solutions/*)))" >&2; exit 1; }
	@test -d "solutions/$(A)" || { echo "no assignment '$(A)': there are $(notdir $(wildcard solutions/*))" >&2; exit 1; }
