"""What every room stands on: errors, files, git, settings, findings; it imports no other room."""
