import express from 'express'
import { Hono } from 'hono'

/** Body of the response to `GET /hello`. */
export const GREETING = 'hi'

/** The user's Hono app. */
export const honoRoutes = () =>
  new Hono()
    .get('/hello', (c) => c.text(GREETING))
    .post('/upload', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)))

/** The user's Express app. It counts the bytes of an upload, which costs less than any other use of them. */
export const expressRoutes = () =>
  express()
    .get('/hello', (_request, response) => void response.send(GREETING))
    .post('/upload', (request, response) => {
      let bytes = 0
      request.on('data', (chunk) => {
        bytes += chunk.length
      })
      request.on('end', () => void response.send(String(bytes)))
    })
