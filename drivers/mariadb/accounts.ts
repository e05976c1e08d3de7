/**
 * Databases and who may use them. Every database has an account of its own, its owner, that nobody can log in as: what a
 * dump brings belongs to it.
 */
import type { Login } from '../../server/devices/classes/database.ts'
import { UserError } from '../../server/errors.ts'
import { ask, type Door, named, quoted } from './sql.ts'

export async function create(door: Door, database: string): Promise<void> {
  await ask(door, creation(database))
}

/** The accounts go last: by them, the same call finds what is left to do. */
export async function drop(door: Door, database: string): Promise<void> {
  const users = (await accounts(door, checked(database))).map(({ user }) => user)
  await ask(
    door,
    [
      ...users.map((user) => `ALTER USER IF EXISTS ${account(user)} ACCOUNT LOCK; KILL USER ${quoted(user)};`),
      `DROP DATABASE IF EXISTS ${named(database)};`,
      ...users.map((user) => `DROP USER IF EXISTS ${account(user)};`),
    ].join('\n'),
  )
}

export async function list(door: Door): Promise<string[]> {
  const rows = await ask(door, 'SHOW DATABASES;')
  return rows.flatMap((row) => row.filter((name) => !ownDatabases.includes(name)))
}

/** Throws `not-found`. */
export async function grant(door: Door, database: string, { user, password }: Login): Promise<void> {
  const login = account(checked(user))
  await ask(
    door,
    `${use(database)}
    CREATE USER IF NOT EXISTS ${login} IDENTIFIED BY ${quoted(password)};
    ALTER USER ${login} IDENTIFIED BY ${quoted(password)} ACCOUNT UNLOCK;
    GRANT ALL PRIVILEGES ON ${pattern(database)} TO ${login};`,
  )
}

/**
 * Views, triggers and routines run with the rights of whoever made them: an account that still has some stays, locked and
 * without a password that anybody knows. It goes with the database.
 */
export async function revoke(door: Door, database: string, user: string): Promise<void> {
  const there = await accounts(door, checked(database))
  if (!there.some((one) => one.user === user && !one.isLocked)) return
  const login = account(checked(user))
  await ask(
    door,
    `ALTER USER ${login} IDENTIFIED VIA mysql_native_password USING 'invalid' ACCOUNT LOCK;
    KILL USER ${quoted(user)};
    DELIMITER //
    BEGIN NOT ATOMIC
      IF NOT (${madeSomething(user)}) THEN DROP USER IF EXISTS ${login}; END IF;
    END//`,
  )
}

export async function logins(door: Door, database: string): Promise<string[]> {
  const all = await accounts(door, checked(database))
  return all.filter(({ user, isLocked }) => !isLocked && user !== ownerOf(database)).map(({ user }) => user)
}

/** No login is ever called like this: they have no dot. */
export function ownerOf(database: string): string {
  return `${database}.owner`
}

/** A statement that fails as `not-found` when there is no such database. */
export function use(database: string): string {
  return `USE ${named(checked(database))};`
}

/** Statements that take everything out of it, and lock its owner; its logins stay. */
export function empty(database: string): string {
  return `DROP DATABASE IF EXISTS ${named(checked(database))}; ${creation(database)} ${lockOwner(database)}`
}

export function unlockOwner(database: string, password: string): string {
  return `ALTER USER ${account(ownerOf(database))} IDENTIFIED BY ${quoted(password)} ACCOUNT UNLOCK;`
}

export function lockOwner(database: string): string {
  return `ALTER USER ${account(ownerOf(database))} ACCOUNT LOCK;`
}

/** A statement that answers 1 or 0. */
export function isOwnerUnlocked(database: string): string {
  return `SELECT EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = ${quoted(ownerOf(database))}
    AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), '0') = '0');`
}

function creation(database: string): string {
  return `CREATE DATABASE IF NOT EXISTS ${named(checked(database))} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
    CREATE USER IF NOT EXISTS ${account(ownerOf(database))} ACCOUNT LOCK;
    GRANT ALL PRIVILEGES ON ${pattern(database)} TO ${account(ownerOf(database))};`
}

async function accounts(door: Door, database: string): Promise<{ user: string; isLocked: boolean }[]> {
  const rows = await ask(
    door,
    `SELECT db.User, COALESCE(JSON_VALUE(account.Priv, '$.account_locked'), '0')
    FROM mysql.db AS db JOIN mysql.global_priv AS account USING (User, Host)
    WHERE db.Db = ${quoted(database.replaceAll('_', '\\_'))} AND db.Host = '%' ORDER BY db.User;`,
  )
  return rows.map(([user = '', locked]) => ({ user, isLocked: locked !== '0' }))
}

function madeSomething(user: string): string {
  const places = ['VIEWS', 'TRIGGERS', 'ROUTINES', 'EVENTS']
  return places
    .map((place) => `EXISTS (SELECT 1 FROM information_schema.${place} WHERE DEFINER = ${quoted(`${user}@%`)})`)
    .join(' OR ')
}

const ownDatabases = ['information_schema', 'mysql', 'performance_schema', 'sys']

/** What is named here stands in statements as it is. */
function checked(name: string): string {
  if (/^[a-z][a-z0-9_]{0,47}$/.test(name) && !ownDatabases.includes(name)) return name
  throw new UserError('usage', `${JSON.stringify(name)} cannot be the name of a database or a login in MariaDB.`)
}

function account(user: string): string {
  return `${quoted(user)}@'%'`
}

/** In a grant `_` stands for any letter: one database's login would open another one's. */
function pattern(database: string): string {
  return `${named(database.replaceAll('_', '\\_'))}.*`
}
