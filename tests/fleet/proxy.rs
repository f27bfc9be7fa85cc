//! A road to the database that goes silent or breaks when a test says so.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Passes,
    /// Nothing comes through either way, and nobody is told: a cable that is cut.
    Swallows,
    /// Every connection is closed, and new ones are as soon as they come.
    Closes,
}

struct State {
    manner: Manner,
    /// How much later answers come than they were given.
    lag: Duration,
    /// Nothing more comes through after the next answer.
    cuts_after_answer: bool,
}

type Shared = Arc<(Mutex<State>, Condvar)>;

/// The road.
pub struct Proxy {
    pub port: u16,
    state: Shared,
}

impl Proxy {
    /// A road to this port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new((
                Mutex::new(State {
                    manner: Manner::Passes,
                    lag: Duration::ZERO,
                    cuts_after_answer: false,
                }),
                Condvar::new(),
            )),
        };
        let state = Arc::clone(&proxy.state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                    continue;
                };
                for (from, to, is_answer) in [(&client, &server, false), (&server, &client, true)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || pump(from, to, &state, is_answer));
                }
            }
        });
        proxy
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn goes_silent(&self) {
        self.set(Manner::Swallows);
    }

    /// From now on every connection breaks.
    pub fn breaks(&self) {
        self.set(Manner::Closes);
    }

    /// From now on all comes through, also what was held back.
    pub fn recovers(&self) {
        self.set(Manner::Passes);
    }

    /// From now on answers come so much later.
    pub fn lags(&self, lag: Duration) {
        self.state.0.lock().unwrap().lag = lag;
    }

    /// Waits until one more answer has come through; then nothing does.
    pub fn cuts_after_answer(&self) {
        let mut state = self.state.0.lock().unwrap();
        state.cuts_after_answer = true;
        let cut = |state: &mut State| state.manner == Manner::Passes;
        drop(self.state.1.wait_while(state, cut).unwrap());
    }

    fn set(&self, manner: Manner) {
        self.state.0.lock().unwrap().manner = manner;
        self.state.1.notify_all();
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared, is_answer: bool) {
    // So often it looks whether it should still pass anything on.
    from.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            Err(_) => break,
        };
        if is_answer && read > 0 {
            let lag = shared.0.lock().unwrap().lag;
            std::thread::sleep(lag);
        }
        let state = shared.0.lock().unwrap();
        let mut state = shared
            .1
            .wait_while(state, |state| state.manner == Manner::Swallows)
            .unwrap();
        if state.manner == Manner::Closes || to.write_all(&buffer[..read]).is_err() {
            break;
        }
        if read > 0 && is_answer && state.cuts_after_answer {
            state.cuts_after_answer = false;
            state.manner = Manner::Swallows;
            shared.1.notify_all();
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
