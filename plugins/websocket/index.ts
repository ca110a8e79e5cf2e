export { type WebSocketOptions, websocket } from './plugin.ts'
