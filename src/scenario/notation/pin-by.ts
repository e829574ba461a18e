import type { PinBy } from '../../fleet/pin-column.ts';
import { notation } from './notation.ts';

/** Names of labels, as `dpsload agent --label` takes them. */
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** `region`, for a column that is called like the label, or `region=Site`. */
export const PIN_BY = notation<PinBy>({
  placeholder: 'label[=column]',
  noun: 'a label of agents, or a label and a column',
  remedy:
    'Write a label of letters, digits, dots, dashes and underscores, and the column if it is called otherwise, for example region=Site',
  parse: (text) => {
    const equals = text.indexOf('=');
    const label = equals < 0 ? text : text.slice(0, equals);
    const column = equals < 0 ? text : text.slice(equals + 1);
    return LABEL.test(label) && column.trim() !== '' ? { label, column } : null;
  },
  show: ({ label, column }) => (label === column ? label : `${label}=${column}`),
});
