"""Reads what strangers wrote: folders and notebook files, whatever their bytes."""
