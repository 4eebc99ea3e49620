//! Plots as PNG.

use codec_measure::plot::{self, png::Renderer};

use crate::sample;

#[test]
fn every_plot_becomes_the_same_png_each_time() {
    let renderer = Renderer::new().unwrap();
    let mut plots = plot::all(&sample::results());
    plots.extend(plot::all(&sample::hostile()).into_iter().take(3));
    for (index, plot) in plots.iter().enumerate() {
        let png = renderer.png(&plot.svg, 0.5).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 1000, "{}", plot.name);
        if index % 8 == 0 {
            assert_eq!(png, renderer.png(&plot.svg, 0.5).unwrap(), "{}", plot.name);
        }
        if let Some(folder) = option_env!("CODEC_PLOTS") {
            let png = renderer.png(&plot.svg, 2.0).unwrap();
            std::fs::write(format!("{folder}/{}.png", plot.name), &png).unwrap();
        }
    }
}

#[test]
fn invalid_plots_are_rejected() {
    let renderer = Renderer::new().unwrap();
    let with = |inner: &str| format!("<svg width=\"10\" height=\"10\">{inner}</svg>");
    assert!(renderer.png(&with(""), 1.0).is_ok());
    for inner in ["<image/>", "<path d=\"Q\"/>", "<rect width=\"1\" height=\"1\" fill=\"red\"/>"] {
        renderer.png(&with(inner), 1.0).unwrap_err();
    }
    for text in
        ["", "<svg/>", "<svg width=\"0\" height=\"1\"/>", "<svg width=\"1e9\" height=\"1\"/>"]
    {
        renderer.png(text, 1.0).unwrap_err();
    }
}
