/** An expression that is no threshold. */
export class ThresholdError extends Error {
  override readonly name = 'ThresholdError';
  readonly expression: string;
  /** 1-based. */
  readonly column: number;
  /** An imperative sentence without a full stop. */
  readonly remedy: string;

  constructor(expression: string, column: number, message: string, remedy: string) {
    super(message);
    this.expression = expression;
    this.column = column;
    this.remedy = remedy;
  }

  /** The expression with a caret below the place, and what is wrong there. */
  get excerpt(): string {
    return `  ${this.expression}\n  ${' '.repeat(this.column - 1)}^ ${this.message}. ${this.remedy}.`;
  }
}
