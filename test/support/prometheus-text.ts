export type ScrapedMetric = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** The samples of a scrape, in the Prometheus text format; read by other code than what wrote them. */
export function parseMetrics(text: string): readonly ScrapedMetric[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === '') throw new Error(`no sample: ${line}`);
      const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, of]) => [label, of]);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

/** The sample of that name with these labels, all of them; `null` when there is none. */
export function metricValue(
  metrics: readonly ScrapedMetric[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  const wanted = JSON.stringify(labels);
  return metrics.find((metric) => metric.name === name && JSON.stringify(metric.labels) === wanted)?.value ?? null;
}
