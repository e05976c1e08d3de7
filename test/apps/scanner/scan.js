// Tries every TCP port of each address in SCAN, or those that are named - `gateway fe80::1%eth0#22,80` - and prints
// which of them answer.
const { readFileSync } = require('node:fs')
const { connect } = require('node:net')

const atOnce = 500
const patience = 2000
/** What a port says that is shut, or that nobody lets us reach. Anything else would be our own trouble. */
const shut = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'EPERM', 'EADDRNOTAVAIL', 'EINVAL']

async function main() {
  for (const target of (process.env.SCAN ?? '').split(' ').filter(Boolean)) {
    const [name, some] = target.split('#')
    const host = name === 'gateway' ? gateway() : name
    const ports = some ? some.split(',').map(Number) : Array.from({ length: 65_535 }, (_, at) => at + 1)
    console.log(`scan ${name} ${JSON.stringify(await scan(host, ports))}`)
  }
}

async function scan(host, ports) {
  const open = []
  const queue = ports[Symbol.iterator]()
  const worker = async () => {
    for (const port of queue) if (await answers(host, port)) open.push(port)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, ports.length) }, worker))
  return open.sort((a, b) => a - b)
}

function answers(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const end = (result) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(patience, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', (error) => (shut.includes(error.code) ? end(false) : reject(error)))
  })
}

/** The default route's, as the kernel writes it: hexadecimal, the last number first. */
function gateway() {
  const route = readFileSync('/proc/net/route', 'utf8')
    .split('\n')
    .map((line) => line.split('\t'))
    .find(([, destination]) => destination === '00000000')
  return (route?.[2] ?? '').match(/../g).reverse().map((byte) => Number.parseInt(byte, 16)).join('.')
}

main()
