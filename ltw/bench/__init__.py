"""What is run: suites of benchmarks, their plan, and the runner."""
