//! The proxy before a server that sends back what it gets.

use super::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

const LIMIT: Duration = Duration::from_secs(20);

/// Long enough to see that nothing comes.
const MOMENT: Duration = Duration::from_millis(100);

/// Sends back what each client sends.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (mut from, mut to) = stream.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
        }
    });
    address
}

async fn through() -> (Proxy, TcpStream) {
    let proxy = Proxy::before(echo().await).await;
    let stream = connect(&proxy).await;
    (proxy, stream)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn say(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
}

async fn hear(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut heard = vec![0; count];
    timeout(LIMIT, stream.read_exact(&mut heard)).await.expect("bytes come").unwrap();
    heard
}

/// What still comes before the connection ends.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    // A reset ends it, too.
    let _ = timeout(LIMIT, stream.read_to_end(&mut heard)).await.expect("the connection ends");
    heard
}

async fn hears_nothing(stream: &mut TcpStream) -> bool {
    timeout(MOMENT, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn bytes_and_the_end_pass() {
    let (proxy, mut stream) = through().await;
    let sent: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
    let (mut from, mut to) = stream.split();
    let mut heard = Vec::new();
    let (said, _) = tokio::join!(
        async {
            to.write_all(&sent).await.unwrap();
            to.shutdown().await
        },
        from.read_to_end(&mut heard)
    );
    said.unwrap();
    assert!(heard == sent);
    for direction in [Direction::Up, Direction::Down] {
        assert_eq!(proxy.passed(direction), sent.len() as u64);
    }
    proxy.until_standing(0).await;
}

#[tokio::test]
async fn a_cut_ends_what_stands_and_nothing_else() {
    let (proxy, mut stream) = through().await;
    say(&mut stream, b"a").await;
    hear(&mut stream, 1).await;
    proxy.cut();
    assert!(rest(&mut stream).await.is_empty());
    let mut next = connect(&proxy).await;
    say(&mut next, b"b").await;
    assert_eq!(hear(&mut next, 1).await, b"b");
}

#[tokio::test]
async fn a_cut_ends_what_nobody_carries_yet() {
    let proxy = Proxy::before(echo().await).await;
    let mut stream = connect(&proxy).await;
    // Tasks of one thread take turns: this one is told of the connection before the one that is to carry it is made.
    let cut = tokio::spawn(async move {
        proxy.until_opened(1).await;
        proxy.cut();
        proxy
    });
    let proxy = cut.await.unwrap();
    assert!(rest(&mut stream).await.is_empty());
    proxy.until_standing(0).await;
}

#[tokio::test]
async fn who_is_refused_comes_later() {
    let (proxy, mut stream) = through().await;
    say(&mut stream, b"a").await;
    hear(&mut stream, 1).await;
    proxy.refuse().await;
    assert!(TcpStream::connect(proxy.address()).await.is_err());
    say(&mut stream, b"b").await;
    assert_eq!(hear(&mut stream, 1).await, b"b");
    proxy.go_away().await;
    assert!(rest(&mut stream).await.is_empty());
    proxy.accept().await;
    let mut stream = connect(&proxy).await;
    say(&mut stream, b"c").await;
    assert_eq!(hear(&mut stream, 1).await, b"c");
}

#[tokio::test]
async fn what_is_swallowed_never_comes() {
    for direction in [Direction::Up, Direction::Down] {
        let (proxy, mut stream) = through().await;
        proxy.swallow(direction);
        say(&mut stream, b"a").await;
        assert!(hears_nothing(&mut stream).await);
        proxy.pass(direction);
        say(&mut stream, b"b").await;
        assert_eq!(hear(&mut stream, 1).await, b"b");
    }
}

#[tokio::test]
async fn what_is_held_back_comes_in_the_end() {
    for direction in [Direction::Up, Direction::Down] {
        let (proxy, mut stream) = through().await;
        proxy.hold(direction);
        say(&mut stream, b"abc").await;
        proxy.until_held(direction, 3).await;
        assert!(hears_nothing(&mut stream).await);
        proxy.pass(direction);
        assert_eq!(hear(&mut stream, 3).await, b"abc");
    }
}

#[tokio::test]
async fn what_is_held_back_comes_even_if_its_sender_is_gone() {
    let (proxy, mut stream) = through().await;
    say(&mut stream, b"a").await;
    hear(&mut stream, 1).await;
    proxy.hold(Direction::Up);
    say(&mut stream, b"bcd").await;
    proxy.until_held(Direction::Up, 3).await;
    drop(stream);
    assert_eq!(proxy.passed(Direction::Up), 1);
    proxy.pass(Direction::Up);
    proxy.until_standing(0).await;
    assert_eq!(proxy.passed(Direction::Up), 4);
}

#[tokio::test]
async fn what_is_delayed_comes_in_order() {
    const DELAY: Duration = Duration::from_millis(150);
    let (proxy, mut stream) = through().await;
    proxy.delay(Direction::Down, DELAY);
    let began = Instant::now();
    for byte in b"abc" {
        say(&mut stream, &[*byte]).await;
    }
    assert_eq!(hear(&mut stream, 3).await, b"abc");
    assert!(began.elapsed() >= DELAY);
}

#[tokio::test]
async fn a_limited_rate_is_kept() {
    let (proxy, mut stream) = through().await;
    proxy.limit_rate(Direction::Up, Some(10_000));
    let began = Instant::now();
    say(&mut stream, &[7; 2_001]).await;
    assert_eq!(hear(&mut stream, 2_001).await, [7; 2_001]);
    // All but the last piece were waited for.
    assert!(began.elapsed() >= Duration::from_millis(180));
    proxy.limit_rate(Direction::Up, None);
}

#[tokio::test]
async fn each_connection_is_cut_at_its_byte() {
    let proxy = Proxy::before(echo().await).await;
    let sent: Vec<u8> = (0..40_000u32).map(|n| n as u8).collect();
    for limit in [0, 1, 2, 16_383, 16_384, 16_385, 39_999, 40_000] {
        for direction in [Direction::Up, Direction::Down] {
            proxy.cut_each_after(direction, Some(limit));
            let before = proxy.passed(direction);
            let (mut from, mut to) = connect(&proxy).await.into_split();
            let writing = tokio::spawn({
                let sent = sent.clone();
                // It is cut before all is sent.
                async move { drop(to.write_all(&sent).await) }
            });
            let mut heard = Vec::new();
            let _ = timeout(LIMIT, from.read_to_end(&mut heard)).await.expect("it is cut");
            writing.await.unwrap();
            assert_eq!(proxy.passed(direction) - before, limit, "{direction:?}");
            assert!(sent.starts_with(&heard));
            proxy.cut_each_after(direction, None);
        }
    }
}

#[tokio::test]
async fn all_connections_are_cut_at_the_byte_of_all() {
    let (proxy, mut first) = through().await;
    let mut second = connect(&proxy).await;
    for stream in [&mut first, &mut second] {
        say(stream, b"a").await;
        hear(stream, 1).await;
    }
    proxy.cut_after_next(Direction::Up, 5);
    say(&mut first, b"bcd").await;
    hear(&mut first, 3).await;
    say(&mut second, b"efgh").await;
    rest(&mut second).await;
    rest(&mut first).await;
    assert_eq!(proxy.passed(Direction::Up), 2 + 5);
    let mut third = connect(&proxy).await;
    say(&mut third, b"ij").await;
    assert_eq!(hear(&mut third, 2).await, b"ij");
}

#[tokio::test]
async fn connections_lead_elsewhere_and_end_with_the_proxy() {
    let (proxy, mut stream) = through().await;
    say(&mut stream, b"a").await;
    hear(&mut stream, 1).await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    proxy.lead_to(other.local_addr().unwrap());
    let _client = connect(&proxy).await;
    let (mut server, _) = timeout(LIMIT, other.accept()).await.expect("it leads there").unwrap();
    proxy.until_opened(2).await;
    drop(proxy);
    assert!(rest(&mut stream).await.is_empty());
    assert!(rest(&mut server).await.is_empty());
}
