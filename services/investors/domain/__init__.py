"""The rules of investors, pure: a file for each aggregate or stage of the file, names, tax numbers, periods."""
