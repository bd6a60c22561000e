"""The commands of the command line, a file for each room that has one, and what all commands share."""
