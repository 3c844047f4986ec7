"""Where samples come from: files, folders, archives, lists, addresses, watched folders."""
