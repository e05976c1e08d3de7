/** What both stores can do, and all that may be asked of them: no interactive transactions, no BLOBs. */

export type Value = string | number | null

export interface Statement {
  readonly sql: string
  readonly values: readonly Value[]
}

export interface Result {
  readonly rows: readonly Readonly<Record<string, Value>>[]
  /** Rows that an INSERT, UPDATE or DELETE touched, without those that cascaded. */
  readonly changes: number
}

export interface Database {
  /** One reading statement. */
  query(sql: string, values?: readonly Value[]): Promise<Result['rows']>
  /**
   * Several statements that write, all or none. A failed constraint throws `ConstraintError`. `RETURNING` fills `rows`,
   * but only in a batch of one.
   */
  batch(statements: readonly Statement[]): Promise<readonly Result[]>
  /** Writes a consistent copy of everything to a file that does not exist yet. */
  backup(path: string): Promise<void>
  /** Replaces everything by such a copy. */
  restore(path: string): Promise<void>
  close(): Promise<void>
}

/** A unique, check or foreign key constraint refused the batch; nothing of it was done. */
export class ConstraintError extends Error {
  readonly kind: 'unique' | 'check' | 'foreign-key' | 'not-null'
  /** `table.column` of a unique or not-null constraint, where the store says it. */
  readonly column: string | null

  constructor(kind: ConstraintError['kind'], column: string | null, message: string) {
    super(message)
    this.name = 'ConstraintError'
    this.kind = kind
    this.column = column
  }
}

export function sql(text: string, ...values: Value[]): Statement {
  return { sql: text, values }
}
