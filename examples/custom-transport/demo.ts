import { once } from 'node:events'
import { createConnection } from 'node:net'
import { createApp } from 'rookery'
import { createClient } from 'rookery/client'
import { lines as lineClient } from './line-client.ts'
import { LineServer, lines } from './line-transport.ts'

const app = createApp({
  allowAnonymous: true,
  logger: 'warn',
  plugins: [lines({ port: 0, host: '127.0.0.1' })],
})
app.sessions.onAuthenticate(({ query }) => ({ id: 'u1', name: query.get('name') ?? 'nobody' }))
app.handle('greet', (ctx, greeting) => `${greeting}, ${ctx.user.name}`)
await app.start()
const { port } = app.scope.get(LineServer)
console.log('The server is up')

const client = createClient({
  url: `http://127.0.0.1:${port}`,
  transports: [lineClient()],
  params: { name: 'Ada' },
})
const heard = new Promise<void>((resolve) => {
  client.subscribe('news/*', (payload, { topic }) => {
    console.log(`The client hears ${topic}: ${payload}`)
    resolve()
  })
})
console.log(`The client is answered: ${await client.call('greet', 'Hello')}`)
await app.publish('news/today', 'lines work')
await heard
client.close()

// The same exchange without the client, as `nc` would show it.
const socket = createConnection(port, '127.0.0.1')
socket.write('name=Bob\n{"topic":"greet","payload":"Hi","id":1}\n')
const shown = (text: string) => text.replace(/"(session|secret)":"[^"]*"/g, '"$1":"…"')
for (let text = ''; text.split('\n').length < 3; ) {
  text += String((await once(socket, 'data'))[0])
  if (text.endsWith('\n')) console.log(`By hand:\n${shown(text).trimEnd()}`)
}

await app.stop()
console.log('The server has stopped')
