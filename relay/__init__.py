"""Start, signal, resume and repeat workflows for recorded work that is not done yet."""
