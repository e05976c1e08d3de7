// An app that does what an app must not be able to do harm with; each path tries one thing.
const { spawn } = require('node:child_process')
const { writeSync } = require('node:fs')
const { createServer } = require('node:http')

const acts = {
  '/': (_, response) => response.end('at work\n'),
  // Processes until there may be no more, before the first one ends; says how many there were.
  '/fork': (_, response) => {
    let begun = 0
    const next = () => {
      const child = spawn('sleep', ['60'], { stdio: 'ignore' })
      child.once('error', (error) => response.end(`${begun} ${error.code}\n`))
      child.once('spawn', () => {
        begun++
        next()
      })
    }
    next()
  },
  // Megabytes of log, then a line that somebody else's terminal must not obey.
  '/flood': (request, response) => {
    const line = `${'x'.repeat(1023)}\n`
    for (let written = 0; written < 64 * 1024; written++) writeSync(1, line)
    console.log('\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m the last line')
    response.end('written\n')
  },
  '/headers': (_, response) => response.writeHead(200, { 'x-large': 'x'.repeat(1_000_000) }).end('large\n'),
  '/split': (_, response) => {
    response.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 9\r\n\r\nabcabcabc')
  },
  '/never': () => {},
}

createServer((request, response) => (acts[request.url] ?? acts['/'])(request, response)).listen(process.env.PORT)
