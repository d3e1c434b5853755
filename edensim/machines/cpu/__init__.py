"""CPU front ends: loop nests of DNN code as line touches, caches with prefetchers, and the stream that leaves them."""
