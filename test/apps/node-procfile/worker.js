console.log('worker is at work')
setInterval(() => console.log('worker is still at work'), 60_000)
process.on('SIGTERM', () => process.exit(0))
