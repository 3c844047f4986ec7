"""One cell as a network sees it: preprocessing, what is seen of it, its quality."""
