/** A type of resource that has custom certificates and domains, alike in all but its names. */
export interface HubRow {
  readonly kind: string;
  /** As RBAC actions spell it. */
  readonly type: string;
  /** The group of `az` commands. */
  readonly command: string;
}

export const SIGNALR: HubRow = {
  kind: 'signalr-certificate',
  type: 'Microsoft.SignalRService/SignalR',
  command: 'az signalr',
};

export const WEB_PUBSUB: HubRow = {
  kind: 'web-pubsub-certificate',
  type: 'Microsoft.SignalRService/WebPubSub',
  command: 'az webpubsub',
};
