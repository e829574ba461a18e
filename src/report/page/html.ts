/** Text that is already HTML; anything else is escaped when inserted. */
export type Html = { readonly html: string };

export type HtmlValue = Html | string | number | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const NO_HTML: Html = { html: '' };

/** HTML template that escapes its values, for element contents and attributes in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return {
    html: parts.map((part, index) => part + (index < values.length ? written(values[index] ?? '') : '')).join(''),
  };
}

/** JSON as the text of a script element, without the `<` of `</script>` and `<!--`. */
export function jsonText(value: unknown): Html {
  return { html: JSON.stringify(value).replace(/</g, '\\u003c') };
}

function written(value: HtmlValue): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
  return 'html' in value ? value.html : value.map((one) => one.html).join('');
}
