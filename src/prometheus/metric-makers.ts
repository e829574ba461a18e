import { Counter, Gauge, type Registry } from 'prom-client';

export const MS_PER_SECOND = 1_000;

/** A metric's name without `dpsload_`, its help, and how to read its value. */
export type Read<From, Value> = readonly [name: string, help: string, read: (from: From) => Value];

export function counterIn(registry: Registry, name: string, help: string, labelNames: readonly string[]): Counter {
  return new Counter({ name: `dpsload_${name}`, help, labelNames, registers: [registry] });
}

export function gaugeIn(registry: Registry, name: string, help: string, labelNames: readonly string[]): Gauge {
  return new Gauge({ name: `dpsload_${name}`, help, labelNames, registers: [registry] });
}
