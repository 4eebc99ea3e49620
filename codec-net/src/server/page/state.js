// State shared by the parts of the page: the current calls and the last statistics.

export const state = {
  /// The call that watches a stream, and its transport: "webrtc" or "socket".
  watching: null,
  transport: null,
  publishing: null,
  /// Which of the two are being opened, and which the token permits.
  opening: { watch: false, publish: false },
  may: { view: false, publish: false },
  /// Why the video is paused, or "small".
  paused: null,
  /// The last measured figures, and the measurement before.
  figures: {},
  before: null,
  /// The watched stream as the server reports it, and the list of all streams.
  stream: {},
  streams: [],
  /// Settings of RTCPeerConnection, for tests.
  settings: {},
};
