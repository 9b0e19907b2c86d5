"""Run every benchmark, or those named: python -m benchmarks [generation pipeline ...]."""

import importlib
import pkgutil
import sys

import benchmarks

names = sorted(module.name.removeprefix("bench_") for module in
               pkgutil.iter_modules(benchmarks.__path__) if module.name.startswith("bench_"))
chosen = sys.argv[1:] or names
for name in chosen:
    if name not in names:
        sys.exit(f"error: no benchmark {name!r}; there are {', '.join(names)}")
    importlib.import_module(f"benchmarks.bench_{name}").main()
