"""The two-minute demonstration: a small network on approximate DRAM, with nothing but what the package brings."""
