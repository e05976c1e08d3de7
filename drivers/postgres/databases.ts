/**
 * Databases and their logins. Each database has an owner role that nobody logs in as; the logins are its members and become
 * it when they connect, so that all objects are the owner's and a login can go without anything going with it.
 * The names of databases and roles stay visible to every login: PostgreSQL's own catalogs are open, and clients read them.
 */
import type { Login } from '../../server/devices/classes/database.ts'
import { UserError } from '../../server/errors.ts'
import type { Place } from './place.ts'
import { ask, literal, name } from './psql.ts'
import { scramVerifier } from './scram.ts'

const maintenance = 'postgres'

/** What the server writes as the limit of connections before it drops a database: one that it died over can only be dropped again. */
const invalid = -2

export function ownerOf(database: string): string {
  // The kernel's names have no dot: no login is ever called like this.
  return `${database}.owner`
}

export async function create(place: Place, database: string): Promise<void> {
  const owner = ownerOf(database)
  await unlessForeign(
    place,
    database,
    `SELECT format('CREATE ROLE %I', ${literal(owner)}) WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(owner)}) \\gexec
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE datname = ${literal(database)} AND datconnlimit = ${invalid} \\gexec
-- Shut until nobody but its logins may come in.
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' ALLOW_CONNECTIONS false', ${literal(database)}, ${literal(owner)})
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = ${literal(database)}) \\gexec
REVOKE ALL ON DATABASE ${name(database)} FROM PUBLIC;
-- One app cannot take all the connections that there are.
SELECT format('ALTER DATABASE %I WITH ALLOW_CONNECTIONS true CONNECTION LIMIT %s', ${literal(database)}, current_setting('max_connections')::int * 6 / 10) \\gexec`,
  )
}

export async function drop(place: Place, database: string): Promise<void> {
  const owner = ownerOf(database)
  await unlessForeign(
    place,
    database,
    `SELECT format('ALTER DATABASE %I WITH ALLOW_CONNECTIONS false', datname) FROM pg_database
 WHERE datname = ${literal(database)} AND datconnlimit <> ${invalid} \\gexec
SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database WHERE datname = ${literal(database)} \\gexec
SELECT format('DROP ROLE %I', pg_get_userbyid(member)) FROM pg_auth_members WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = ${literal(owner)}) \\gexec
DROP ROLE IF EXISTS ${name(owner)};`,
  )
}

/** Those made here: a server that was adopted may have others. */
export function list(place: Place): Promise<string[]> {
  return ask(
    place,
    maintenance,
    `SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = d.datname || '.owner' ORDER BY 1;`,
  )
}

export async function grant(place: Place, database: string, { user, password }: Login): Promise<void> {
  const owner = ownerOf(database)
  const lines = await ask(
    place,
    maintenance,
    `${alone(database)}
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = ${literal(database)} AND datdba = to_regrole(${literal(name(owner))})) AS missing,
       EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(user)}) AND NOT ${isMember(database, user)} AS taken \\gset
\\if :missing
\\echo missing
\\elif :taken
\\echo taken
\\else
BEGIN;
SELECT format('CREATE ROLE %I', ${literal(user)}) WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(user)}) \\gexec
ALTER ROLE ${name(user)} WITH LOGIN PASSWORD ${literal(scramVerifier(password))};
SELECT format('GRANT %I TO %I', ${literal(owner)}, ${literal(user)}) WHERE NOT ${isMember(database, user)} \\gexec
ALTER ROLE ${name(user)} IN DATABASE ${name(database)} SET role = ${literal(owner)};
COMMIT;
${adopt(database)}
\\endif`,
  )
  if (lines.includes('missing')) throw notFound(database)
  if (lines.includes('taken'))
    throw new UserError('conflict', `The server has a role ${user} that is not of ${database}.`)
}

export async function revoke(place: Place, database: string, user: string): Promise<void> {
  await ask(
    place,
    maintenance,
    `${alone(database)}
SELECT ${isMember(database, user)} AS present, coalesce(to_regrole(${literal(name(user))})::oid, 0) AS id \\gset
\\if :present
ALTER ROLE ${name(user)} NOLOGIN;
${cutOff}
${adopt(database)}
BEGIN;
DROP OWNED BY ${name(user)};
DROP ROLE ${name(user)};
COMMIT;
-- Who was on the way in when it was shut.
${cutOff}
\\endif`,
  )
}

export function logins(place: Place, database: string): Promise<string[]> {
  return ask(
    place,
    maintenance,
    `SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
WHERE a.roleid = to_regrole(${literal(name(ownerOf(database)))}) AND m.rolname NOT LIKE '%.%' ORDER BY 1;`,
  )
}

export function notFound(database: string): UserError {
  return new UserError('not-found', `The server has no database ${database}.`)
}

/** What a killed kernel has begun goes on at the server: whoever comes next for the same database waits for its end. */
function alone(database: string): string {
  return `DO $$ BEGIN PERFORM pg_advisory_lock(hashtextextended(${literal(database)}, 7)); END $$;`
}

/** Alone, and only on what was made here; throws `conflict` when somebody else's database has that name. */
async function unlessForeign(place: Place, database: string, script: string): Promise<void> {
  const lines = await ask(
    place,
    maintenance,
    `${alone(database)}
SELECT EXISTS (SELECT FROM pg_database WHERE datname = ${literal(database)}
  AND datdba IS DISTINCT FROM to_regrole(${literal(name(ownerOf(database)))})) AS foreign \\gset
\\if :foreign
\\echo foreign
\\else
${script}
\\endif`,
  )
  if (lines.includes('foreign'))
    throw new UserError('conflict', `The server has a database ${database} that was not made here.`)
}

function isMember(database: string, user: string): string {
  return `EXISTS (SELECT FROM pg_auth_members WHERE roleid = to_regrole(${literal(name(ownerOf(database)))})
  AND member = to_regrole(${literal(name(user))}))`
}

/** A client that resets its role (`DISCARD ALL` does) makes things as its login: they are given to the owner. */
function adopt(database: string): string {
  const owner = ownerOf(database)
  return `\\connect ${name(database)}
SELECT format('REASSIGN OWNED BY %I TO %I', pg_get_userbyid(member), ${literal(owner)})
  FROM pg_auth_members WHERE roleid = to_regrole(${literal(name(owner))}) \\gexec`
}

/** Those who are in as the login whose number is the variable `id`. */
const cutOff = 'SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usesysid = :id;'
