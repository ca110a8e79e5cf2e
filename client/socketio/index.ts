export type { SocketIoOptions } from './socketio.ts'
export { socketio } from './socketio.ts'
