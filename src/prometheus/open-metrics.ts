/** What `Accept` names when a scraper reads OpenMetrics; Prometheus prefers it. */
const OPEN_METRICS = 'application/openmetrics-text';

export const OPEN_METRICS_CONTENT_TYPE = `${OPEN_METRICS}; version=1.0.0; charset=utf-8`;

export function acceptsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes(OPEN_METRICS) ?? false;
}

/**
 * From the text format of Prometheus to OpenMetrics 1.0: HELP and TYPE name a counter without `_total`, bounds of buckets are written as
 * floats, no line is empty, and the last one is `# EOF`. prom-client's own writer renames its counters for good, so that a registry could
 * not serve both formats.
 */
export function openMetricsText(prometheusText: string): string {
  const lines = prometheusText.split('\n').filter((line) => line !== '');
  return [...lines.map(openMetricsLine), '# EOF', ''].join('\n');
}

function openMetricsLine(line: string): string {
  if (line.startsWith('#')) return line.replace(/^(# (?:HELP|TYPE) \S+)_total /, '$1 ');
  return line.replace(/(_bucket\{.*le="\d+)"/, '$1.0"');
}
