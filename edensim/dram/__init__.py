"""The DRAM: standards as data, timings, controller, energy, protocol checker, request traces and command logs."""
