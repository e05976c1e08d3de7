const hoard = []
setInterval(() => hoard.push(Buffer.alloc(64 * 1024 * 1024, 1)), 10)
