//! A relay of datagrams that behaves like a link of `codec_rtc::link`, in real time.
