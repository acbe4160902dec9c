"""HTML documents in one file, with no outside host: the frame, the style, charts as SVG."""
