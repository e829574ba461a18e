import type { CsvCell } from '../files/csv-line.ts';
import type { SecondOfRun } from '../metrics/second-series.ts';

/** @param startedAtEpochMs wall-clock time at which the first second begins, in milliseconds since 1970 UTC */
type Column = (second: SecondOfRun, startedAtEpochMs: number) => CsvCell;

/** Columns of `series.csv`, in order. */
const COLUMNS: Readonly<Record<string, Column>> = {
  second: ({ second }) => second,
  begins_at: ({ second }, startedAtEpochMs) => new Date(startedAtEpochMs + second * 1_000).toISOString(),
  intended: ({ intended }) => intended,
  launched: ({ launched }) => launched,
  ended: ({ ended }) => ended,
  assigned: ({ assigned }) => assigned,
  in_flight: ({ inFlight }) => inFlight,
  throttles: ({ throttles }) => throttles,
  service_p50_ms: ({ service }) => service?.p50Ms ?? null,
  service_p95_ms: ({ service }) => service?.p95Ms ?? null,
  service_p99_ms: ({ service }) => service?.p99Ms ?? null,
  service_max_ms: ({ service }) => service?.maxMs ?? null,
  response_p50_ms: ({ response }) => response?.p50Ms ?? null,
  response_p95_ms: ({ response }) => response?.p95Ms ?? null,
  response_p99_ms: ({ response }) => response?.p99Ms ?? null,
  response_max_ms: ({ response }) => response?.maxMs ?? null,
  start_lag_max_ms: ({ startLagMaxMs }) => startLagMaxMs,
  loop_delay_max_ms: ({ loopDelayMaxMs }) => loopDelayMaxMs,
  cpu_cores: ({ cpuShare }) => cpuShare,
  emulator_cpu_cores: ({ emulatorCpuShare }) => emulatorCpuShare,
  rate_allowed: ({ rateAllowedPerSecond }) => rateAllowedPerSecond,
};

export const SERIES_CSV_NAMES = Object.keys(COLUMNS);

const RENDER = Object.values(COLUMNS);

export function seriesCsvCells(second: SecondOfRun, startedAtEpochMs: number): readonly CsvCell[] {
  return RENDER.map((cell) => cell(second, startedAtEpochMs));
}
