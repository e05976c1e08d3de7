// Says whether a port of an address can be reached from here: node reach.js 10.0.0.1 5432
const { connect } = require('node:net')

const [host, port] = process.argv.slice(2)
const socket = connect({ host, port: Number(port), timeout: 3000 })
const say = (what) => {
  console.log(what)
  process.exit()
}
socket.once('connect', () => say('reached'))
socket.once('error', () => say('refused'))
socket.once('timeout', () => say('refused'))
