"""The shop in a browser: pages rendered here, small modules of our own, no build step."""
