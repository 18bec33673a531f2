import { DurableObject } from 'cloudflare:workers'

export class VisitShard extends DurableObject {}
