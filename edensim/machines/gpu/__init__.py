"""GPUs: how layers become kernels of thread blocks (CTAs), and which sectors of memory each block touches."""
