/**
 * The Prometheus text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
 * Written here and not by prom-client, whose registry has no typed way in for numbers counted elsewhere: its one public entrance,
 * `AggregatorRegistry.aggregate`, adds up series whose label values hold `,` or `:` in the same places.
 */
import type { HistogramSample, Labels, MetricFamily } from '@steelyard/sdk';

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Every family, each with its HELP and TYPE line; ends with a line feed, as the format demands. */
export function renderFamilies(families: readonly MetricFamily[]): string {
  let text = '';
  for (const family of families) {
    text += `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.type}\n`;
    if (family.type === 'histogram') {
      for (const sample of family.samples) text += renderHistogram(family.name, family.bounds, sample);
    } else {
      for (const { labels, value } of family.samples) text += `${family.name}${braced(renderLabels(labels))} ${renderNumber(value)}\n`;
    }
  }
  return text;
}

/**
 * Why a family cannot be written; '' = it can. Prometheus refuses a whole scrape for one line that it cannot read,
 * so a family with a fault is better left out.
 */
export function faultOf(family: MetricFamily): string {
  if (!METRIC_NAME.test(family.name)) return `'${family.name}' is no metric name`;
  for (const { labels } of family.samples) {
    for (const name in labels) {
      if (!LABEL_NAME.test(name)) return `'${name}' is no label name`;
      // `le` is the bound of a bucket: twice in one series is refused.
      if (name === 'le' && family.type === 'histogram') return "a histogram has no label 'le' of its own";
    }
  }
  return '';
}

function renderHistogram(name: string, bounds: readonly number[], sample: HistogramSample): string {
  const labels = renderLabels(sample.labels);
  const before = labels === '' ? '' : `${labels},`;
  let text = '';
  for (let i = 0; i < bounds.length; i++) {
    text += `${name}_bucket{${before}le="${renderNumber(bounds[i]!)}"} ${renderNumber(sample.counts[i]!)}\n`;
  }
  text += `${name}_bucket{${before}le="+Inf"} ${renderNumber(sample.count)}\n`;
  text += `${name}_sum${braced(labels)} ${renderNumber(sample.sum)}\n`;
  return `${text}${name}_count${braced(labels)} ${renderNumber(sample.count)}\n`;
}

function renderLabels(labels: Labels): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escapeLabelValue(labels[name]!)}"`;
  return text;
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

/** Read by Go's `ParseFloat`, for which JavaScript's form of every finite number is right. */
function renderNumber(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** Only these three are special inside the quotes; any other character may stand there. */
function escapeLabelValue(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}

/** In a HELP line a quote is an ordinary character. */
function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
