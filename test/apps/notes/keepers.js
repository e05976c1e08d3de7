// Where notes are kept, by what the URL begins with: `count`, `add`, and `wait`, which others can see at work.
module.exports = {
  'postgres:': async (url) => {
    const { Pool } = require('pg')
    const pool = new Pool({ connectionString: url, max: 4 })
    // A connection that rests and is cut is no reason to end; the next query opens another.
    pool.on('error', () => {})
    await pool.query('CREATE TABLE IF NOT EXISTS notes (id serial PRIMARY KEY, text text)')
    return {
      count: async () => Number((await pool.query('SELECT count(*) AS n FROM notes')).rows[0].n),
      add: (text) => pool.query('INSERT INTO notes (text) VALUES ($1)', [text]),
      wait: (ms) => pool.query('SELECT pg_advisory_xact_lock(1), pg_sleep($1)', [ms / 1000]),
    }
  },

  'mysql:': async (url) => {
    const pool = require('mysql2/promise').createPool({ uri: url, connectionLimit: 4 })
    await pool.query('CREATE TABLE IF NOT EXISTS notes (id int AUTO_INCREMENT PRIMARY KEY, text text)')
    return {
      count: async () => Number((await pool.query('SELECT count(*) AS n FROM notes'))[0][0].n),
      add: (text) => pool.query('INSERT INTO notes (text) VALUES (?)', [text]),
      wait: (ms) => pool.query('SELECT sleep(?)', [ms / 1000]),
    }
  },

  'redis:': async (url) => {
    const Redis = require('ioredis')
    const redis = new Redis(url)
    redis.on('error', () => {})
    return {
      count: () => redis.llen('notes'),
      add: (text) => redis.rpush('notes', text),
      wait: (ms) => redis.duplicate().blpop('never', ms / 1000),
    }
  },
}
