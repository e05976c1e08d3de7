import { expect, test } from 'vitest'
import { parseListening } from './listening.ts'

test('only listening sockets count, and loopback is told apart in both families', () => {
  const line = (local: string, state = '0A') => `  0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000`
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue',
    line('00000000:1388'),
    line('0100007F:1F90'),
    line('00000000000000000000000001000000:1F90'),
    line('0000000000000000FFFF00000100007F:2328'),
    line('00000000000000000000000000000000:0BB8'),
    line('0B00007F:9C40'),
    line('0200000A:0050', '01'),
  ].join('\n')
  expect(parseListening(table)).toEqual([
    { port: 3000, loopbackOnly: false },
    { port: 5000, loopbackOnly: false },
    { port: 8080, loopbackOnly: true },
    { port: 9000, loopbackOnly: true },
  ])
})

test('a port that is open on loopback and elsewhere is open', () => {
  const lines = ['0: 0100007F:1388 x 0A', '1: 00000000:1388 x 0A'].join('\n')
  expect(parseListening(lines)).toEqual([{ port: 5000, loopbackOnly: false }])
})
