console.error('queue.internal: no such host')
process.exit(9)
