"""One document model, written as Markdown, HTML and JUnit."""
