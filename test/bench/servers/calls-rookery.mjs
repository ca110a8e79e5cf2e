import { createApp } from 'rookery'
import { HttpServer, http } from 'rookery/http'
import { websocket } from 'rookery/websocket'
import { answerCalls, work } from '../calls/work.mjs'

const app = createApp({ plugins: [http({ port: 0, hostname: '127.0.0.1' }), websocket()], logger: 'error' })
app.handle('work', work)
app.handle('tiny', (_ctx, payload) => payload)
await app.start()

answerCalls(Number(new URL(app.scope.get(HttpServer).url).port))
