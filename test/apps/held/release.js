require('./hold.js')('release task')
