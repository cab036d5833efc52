"""Films over RTSP, each for whoever asks from its beginning, at the speed of life.

    /usr/bin/python3 tests/rtsp_server.py PORT NAME=FILM...

Run by the Python of the system, for which Debian has the bindings of GStreamer's RTSP server
(`gir1.2-gst-rtsp-server-1.0`). A film is H.264 in Matroska. A line on stdout says that it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

LAUNCH = (
    "( filesrc location={} ! matroskademux ! h264parse ! queue ! "
    "rtph264pay config-interval=1 name=pay0 pt=96 )"
)


def main() -> None:
    port, *films = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    for film in films:
        name, _, path = film.partition("=")
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(LAUNCH.format(path))
        server.get_mount_points().add_factory(f"/{name}", factory)
    if not server.attach(None):
        raise SystemExit(f"port {port} cannot be had")
    print("listening", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
