"""Photographs and videos, read as a viewer or a player shows them: one way in for every command.

`walk.walk` lists a folder, `any_file.read_media` reads a file, and `boundary.reading` turns what a
decoder raises into a reason. docs/files.md says what is read and how it is shown.
"""
