/** Coordinator and agents of a benchmark are of one version. */
export const BENCH_VERSION = 'bench';
