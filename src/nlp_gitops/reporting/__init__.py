"""Reports as a page, as Markdown, as text and as SARIF."""
